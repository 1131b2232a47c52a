// StorageSQL
