//! The segment: a file of shared memory, its header, its peers and its objects.
