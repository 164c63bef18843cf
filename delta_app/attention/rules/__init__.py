"""How a change runs through each operation that torchvision's networks are made of.

A rule takes the changes of an operation's inputs and gives that of its output. What has no rule
is computed twice and subtracted: right, but of fewer digits (`Site.by_subtraction`).
"""
