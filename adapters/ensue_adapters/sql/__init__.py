"""What stores on SQL databases have in common: how changes are gathered, ids compared, fresh records kept."""
