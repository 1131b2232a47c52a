// VPNFormats
