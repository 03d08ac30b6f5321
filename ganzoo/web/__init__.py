"""A generator as a static web site that runs wholly in the browser.

site.py puts the site together, runtime.py brings ONNX Runtime Web, page/ is what the browser loads.
"""
