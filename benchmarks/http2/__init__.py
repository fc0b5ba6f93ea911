"""Whether HTTP/2 would make a scan of many shards faster: the same requests over both protocols."""
