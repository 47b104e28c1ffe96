"""What the workflows in .github say to people: a plan's comment, an issue about drift, a release's files.

The standard library only: these steps run before anything is installed.
"""
