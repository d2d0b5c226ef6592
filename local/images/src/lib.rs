//! Images for where no registry can be reached.
