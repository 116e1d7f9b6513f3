"""The survey of machines that exist already: what each of them is, read before anything on any of them is changed."""
