"""What a network looks at: attention-weighted maps, drift, colours and overlays."""
