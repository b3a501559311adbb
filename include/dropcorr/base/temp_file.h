/* A temporary file without a name: $TMPDIR, else /var/tmp (which is not memory). It ends with its descriptor. */
#pragma once

/* Read and write, mode 0600. -1 with errno. */
int dc_temp_file_open(void);
