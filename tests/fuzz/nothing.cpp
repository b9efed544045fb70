// A library needs a source: of a folder of which the fuzz build takes only headers, this one.
