"""What makes a site of the pages: Sphinx extensions, the build with its checks, photographs."""
