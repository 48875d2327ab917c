"""What maintainers run: releases, and documents that are made from the declarations."""
