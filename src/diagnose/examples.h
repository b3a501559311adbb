/*
 * Two connection attempts that a report shows beside each other: the worst that failed, and one that went well, of the
 * same service where there is one.
 */
#pragma once

#include "dropcorr/model/verdict.h"

#include <glib.h>

typedef struct {
  DcHandshake *worst;
  GHashTable *answered; /* local port -> DcHandshake*, the first of each */
} DcExamples;

void dc_examples_init(DcExamples *examples);
void dc_examples_add(DcExamples *examples, const DcHandshake *handshake);

/* Copies, which the caller frees; NULL where there is none. */
void dc_examples_pick(const DcExamples *examples, DcHandshake **ret_unanswered, DcHandshake **ret_answered);

void dc_examples_clear(DcExamples *examples);
