"""That this file exists makes `method_models` importable from the folders below."""
