// VPNProtocol
