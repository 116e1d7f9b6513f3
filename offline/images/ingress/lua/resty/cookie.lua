-- Debian packages it under another name.
return require("nginx.cookie")
