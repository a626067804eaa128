"""Recognition in stages: turn the page, find its lines, read each line as cheaply as is safe."""
