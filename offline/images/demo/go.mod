module fjordkube/demo

go 1.26
