"""Every statement of every policy that our stacks deploy, shown to be needed."""
