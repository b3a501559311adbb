/*
 * The catalogue of causes: everything people are told about a cause, and what speaks for
 * it, as const data. Rules select rows; docs/causes.md, --explain and the reports print them.
 */
#pragma once

#include "dropcorr/model/verdict.h"

#include <glib.h>
#include <stdbool.h>

typedef enum { DC_SEVERITY_INFO, DC_SEVERITY_LOW, DC_SEVERITY_MEDIUM, DC_SEVERITY_HIGH, DC_SEVERITY_COUNT } DcSeverity;

const char *dc_severity_name(DcSeverity severity);

typedef enum {
  DC_EFFECT_NAMED, /* the reason allows this cause only */
  DC_EFFECT_USUAL, /* the reason allows others too, this one is the most usual */
  DC_EFFECT_HINT   /* the reason allows it among others */
} DcReasonEffect;

typedef struct {
  const char *name; /* without prefix; a trailing '*' makes it a family */
  DcReasonEffect effect;
} DcCauseReason;

/* A command or advice line. {if} {port} {transport} {match} {iptables-match} {tunnel} {src} {dst} {ethertype}
 * {protocol} {mac} {vlan} {module} {rule} {nft-family} {nft-table} {nft-chain} {nft-handle} {sysctl:NAME} are filled
 * with the incident's values; a line whose value is unknown keeps a readable placeholder such as IF or PORT. {?...?} is
 * left out unless every value inside is known; without an incident, as in the docs, only where it tells a host's own
 * value. */
typedef struct {
  const char *command; /* NULL: advice in words only */
  const char *what;    /* what it shows or does */
} DcAdvice;

typedef struct {
  DcCause cause;
  DcSeverity severity;
  const char *title;            /* fits 60 columns: "Accept queue full" */
  const char *paragraph;        /* plain words, what happened and why, 2 to 5 sentences */
  const DcCauseReason *reasons; /* ends with name NULL */
  const char *const *sites;     /* NULL-terminated; kernel functions that free for this cause */
  const char *const *counters;  /* names as in dropcorr/model/state.h; "dev.{if}.rx_fifo" is filled */
  const char *const *sysctls;   /* settings that matter */
  const char *wire_for;         /* signs on the wire that speak for it; NULL none */
  const char *wire_against;
  const DcAdvice *confirm; /* ends with both NULL */
  const DcAdvice *fix;
  const char *kernels;   /* versions where it exists or differs */
  const char *reference; /* kernel file, RFC or manual page */
} DcCauseInfo;

const DcCauseInfo *dc_catalogue(DcCause cause); /* NULL for DC_CAUSE_NONE */

/* Causes a reason speaks for, the most usual first: fills up to max, returns how many; *ret_named when
 * the reason allows one only. Exact names win over families. */
size_t dc_catalogue_by_reason(const char *reason, DcCause *causes, size_t max, bool *ret_named);

/* Fills a template; values by lookup (NULL: there is no incident). Values come from captures and files, the
 * line is to be pasted into a shell: one with characters that a shell would act on is put
 * between single quotes. Caller frees. */
typedef const char *(*DcAdviceLookup)(const char *key, void *data); /* NULL: unknown */
char *dc_advice_fill(const char *template_text, DcAdviceLookup lookup, void *data);

/* What ip link calls the tunnel that such a packet is for, for {tunnel}; NULL: none, or none of these. */
const char *dc_advice_tunnel(const DcBrief *brief);

/* The kernel module that takes such a packet, for {module}; NULL unknown. */
const char *dc_advice_module(const DcBrief *brief);
