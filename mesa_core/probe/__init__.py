"""Small questions to a network while a run works: asked by the page, answered by the worker."""
