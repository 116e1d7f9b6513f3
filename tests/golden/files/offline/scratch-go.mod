module scratch/big
go 1.26.0
godebug default=go1.26
require (
	example.test/beside v0.0.0-2024
	example.test/big v1.36.3
	example.test/extra v2.0.0
	example.test/forked v1.0.0
	example.test/plain v1.4.0
	example.test/staged/api v0.36.3
)
replace (
	example.test/beside => example.test/beside v0.0.0-2024
	example.test/forked => example.test/fork v1.0.1
	example.test/staged/api => example.test/staged/api v0.36.3
)
