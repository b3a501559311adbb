/* --list-causes, --explain CAUSE and docs/causes.md: the catalogue printed. */
#pragma once

#include "dropcorr/diagnose/catalogue.h"

#include <stdio.h>

void dc_explain_list(FILE *stream);
void dc_explain_cause(FILE *stream, const DcCauseInfo *info, int width);
void dc_explain_markdown(FILE *stream); /* docs/causes.md, whole */
