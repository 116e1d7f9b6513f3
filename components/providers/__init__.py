"""What is known of providers beforehand: zones and their countries, plans, types of resources; one module a provider.

Data and looking it up, each table with its source. Imports nothing of the other packages: settings, nodes and the
policy pack all read from here. A table repeats the provider's own documentation, and nothing is asked of a provider.
"""
