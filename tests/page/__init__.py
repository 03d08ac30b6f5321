"""A package, so that its fixtures end with its tests: the browser's event loop must not run beside other tests."""
