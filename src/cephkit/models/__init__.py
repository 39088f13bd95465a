"""The network: a backbone from timm and a heatmap head."""
