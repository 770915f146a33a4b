"""Reports of runs: one HTML file with all that is known of them, for people.

``gather`` reads run directories into plain values, ``words`` says what they mean, ``figures`` and ``pictures`` draw,
``sections`` puts them in order, ``page`` makes the file.
"""
