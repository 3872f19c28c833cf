"""Topics of other programs as a way in: declared once, read by any number of ingesters, each record an event once.

`declared` says what a topic's records mean, `reading` turns one into an event or a reason why not (`cloudevents`,
`plain`), `sharing` gives each live ingester its partitions, `ingester` is the loop.
"""
