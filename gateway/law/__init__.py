"""The rules as data (`catalogue`) and the judge of a site file (`linter`)."""
