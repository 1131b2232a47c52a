// VPNEngine
