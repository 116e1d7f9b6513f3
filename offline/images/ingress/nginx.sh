#!/bin/sh
# Starts Debian's nginx with the dynamic modules that the controller's template takes for granted.
# The controller calls `nginx` by name, so this comes first on its PATH.
modules=/usr/lib/nginx/modules
load=
for module in ndk_http ngx_http_lua ngx_http_headers_more_filter ngx_http_set_misc ngx_stream ngx_stream_js; do
  load="${load}load_module $modules/${module}_module.so; "
done
exec /usr/sbin/nginx -g "$load" "$@"
