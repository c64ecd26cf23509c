"""One option and how it is checked: what whoever declares options needs, also plugins."""
