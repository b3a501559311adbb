#include "dropcorr/cli/run.h"

#include "dropcorr/base/error.h"
#include "dropcorr/base/hash.h"
#include "dropcorr/cli/option_table.h"
#include "dropcorr/report/escape.h"
#include "dropcorr/report/explain.h"
#include "dropcorr/source/live.h"
#include "dropcorr/source/privilege.h"

#include <errno.h>
#include <fcntl.h>
#include <pcap/pcap.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

void dc_run_complain(const char *message)
{
  g_autoptr(GString) line = g_string_new("dropcorr: ");
  dc_escape_terminal(line, message, -1);
  fprintf(stderr, "%s\n", line->str);
}

void dc_run_complain_of(const GError *error)
{
  if (!g_error_matches(error, DC_ERROR, DC_ERROR_CLOSED))
    dc_run_complain(error->message);
}

bool dc_run_hold_standard_streams(void)
{
  signal(SIGPIPE, SIG_IGN);
  signal(SIGXFSZ, SIG_IGN); /* a file that may not grow further (ulimit -f) is a write error too */
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
    if (fcntl(fd, F_GETFD) >= 0 || errno != EBADF)
      continue;
    /* The wrong way round, so that using it fails; open() takes the lowest free number, this one. */
    if (open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) != fd)
      return false;
  }
  return true;
}

bool dc_run_reader_is_gone(FILE *stream)
{
  struct pollfd output = {.fd = fileno(stream), .events = 0};
  return output.fd >= 0 && poll(&output, 1, 0) == 1 && (output.revents & (POLLERR | POLLHUP)) != 0;
}

int dc_run_error_status(const GError *error)
{
  if (error->domain != DC_ERROR)
    return DC_EXIT_ERROR;
  return error->code == DC_ERROR_USAGE || error->code == DC_ERROR_FILTER ? DC_EXIT_USAGE : DC_EXIT_ERROR;
}

static int list_interfaces(void)
{
  g_autoptr(GError) error = NULL;
  g_auto(GStrv) lines = dc_live_interfaces(&error);
  if (lines == NULL) {
    dc_run_complain(error->message);
    return DC_EXIT_ERROR;
  }
  for (char **line = lines; *line != NULL; line++)
    puts(*line);
  return DC_EXIT_OK;
}

static int run(const DcOptions *options, const char *command_line)
{
  g_autoptr(GError) error = NULL;
  dc_hash_init();
  g_autoptr(DcStop) stop = dc_stop_new(&error);
  if (stop == NULL) {
    dc_run_complain(error->message);
    return DC_EXIT_ERROR;
  }
  dc_signals_install(stop);
  if (options->snapshot_dir != NULL)
    return dc_run_snapshot(options, command_line, stop);
  if (dc_options_live(options))
    return dc_run_live(options, command_line, stop);
  (void)dc_privilege_confine(); /* a kernel without seccomp is no reason not to read a file */
  return dc_run_offline(options, command_line, stop);
}

int dc_run(const DcOptions *options, const char *command_line)
{
  int status = DC_EXIT_OK;
  switch (options->action) {
  case DC_ACTION_RUN:
    return run(options, command_line);
  case DC_ACTION_HELP:
    dc_option_print_help(stdout);
    break;
  case DC_ACTION_VERSION:
    printf("dropcorr version %s\n%s\n", DROPCORR_VERSION, pcap_lib_version());
    break;
  case DC_ACTION_LIST_INTERFACES:
    status = list_interfaces();
    break;
  case DC_ACTION_LIST_CAUSES:
    dc_explain_list(stdout);
    break;
  case DC_ACTION_EXPLAIN:
    dc_explain_cause(stdout, dc_catalogue(options->explain_cause), 80);
    break;
  case DC_ACTION_HELP_MAN:
    dc_option_print_man(stdout);
    break;
  case DC_ACTION_HELP_COMPLETION:
    dc_option_print_completion(stdout);
    break;
  }
  if (fflush(stdout) == 0 && ferror(stdout) == 0)
    return status;
  if (!dc_run_reader_is_gone(stdout)) {
    g_autofree char *message = g_strdup_printf("standard output: %s", g_strerror(errno));
    dc_run_complain(message);
  }
  return DC_EXIT_ERROR;
}
