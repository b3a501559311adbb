#include "dropcorr/cli/run.h"

int main(int argc, char **argv)
{
  if (!dc_run_hold_standard_streams())
    return DC_EXIT_ERROR;
  g_autoptr(GError) error = NULL;
  g_autofree char *command_line = g_strjoinv(" ", argv);
  g_auto(DcOptions) options = {0};
  if (!dc_options_parse(argc, argv, &options, &error)) {
    dc_run_complain(error->message);
    return dc_run_error_status(error);
  }
  return dc_run(&options, command_line);
}
