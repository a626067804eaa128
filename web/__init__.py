"""What people see: upload, progress, captcha desk, review list, search, HTTP endpoints."""
