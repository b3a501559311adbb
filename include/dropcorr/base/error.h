/* Error domain of dropcorr: what went wrong, so that callers can choose an exit status. */
#pragma once

#include <glib.h>

#define DC_ERROR (dc_error_quark())

/* Messages always name the object, the cause (with the library's own text) and the remedy. */
typedef enum {
  DC_ERROR_USAGE,       /* an option or argument makes no sense */
  DC_ERROR_FILTER,      /* a filter expression does not compile */
  DC_ERROR_NOT_FOUND,   /* a file, device or user does not exist */
  DC_ERROR_PERMISSION,  /* privileges are missing */
  DC_ERROR_IO,          /* reading or writing failed */
  DC_ERROR_FORMAT,      /* the bytes are not what they claim to be */
  DC_ERROR_TRUNCATED,   /* input ends in the middle of a record */
  DC_ERROR_UNSUPPORTED, /* well-formed, but this program or kernel cannot do it */
  DC_ERROR_BUSY,        /* somebody else holds the resource */
  DC_ERROR_LIMIT,       /* a stated bound was reached */
  DC_ERROR_CLOSED       /* whoever reads the output has gone away: nobody needs to be told */
} DcErrorCode;

GQuark dc_error_quark(void);
