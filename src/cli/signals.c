#include "dropcorr/cli/run.h"

#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

static DcStop *stop_to_request; /* set once, before the handlers are installed */
static volatile sig_atomic_t stop_signals;
static atomic_bool interim_wanted;

/* Only async-signal-safe calls: dc_stop_request() stores a flag and writes to an eventfd. */
static void on_stop(int number)
{
  if (stop_signals++ > 0)
    _exit(128 + number);
  dc_stop_request(stop_to_request);
}

static void on_interim(int number)
{
  (void)number;
  atomic_store(&interim_wanted, true);
}

void dc_signals_install(DcStop *stop)
{
  stop_to_request = stop;
  struct sigaction action = {.sa_handler = on_stop};
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, NULL);
  sigaction(SIGTERM, &action, NULL);
  sigaction(SIGHUP, &action, NULL);
  action.sa_handler = on_interim;
  sigaction(SIGUSR1, &action, NULL);
  /* A reader that went away is a write error, told like any other. */
  action.sa_handler = SIG_IGN;
  sigaction(SIGPIPE, &action, NULL);
}

bool dc_signals_stop_asked(void)
{
  return stop_signals > 0;
}

bool dc_signals_take_interim(void)
{
  return atomic_load_explicit(&interim_wanted, memory_order_relaxed) && atomic_exchange(&interim_wanted, false);
}
