"""全国增值税发票查验平台, driven through its real page in a real Chromium."""
