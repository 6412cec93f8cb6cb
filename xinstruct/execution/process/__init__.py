"""The processes between the judge and a program: a worker that watches, a zygote that is forked, memory groups.

They are small and import the standard library only, because programs are forked from them.
"""
