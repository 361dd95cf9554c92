/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * --check: no EAL, no device, no socket; what the files and options say, and the plan.
 *
 * Threads: ctx control.
 */
#include "check.h"

#include <stdio.h>

static void
print_line(void *arg, const char *line)
{
	fprintf(arg, "  %s\n", line);
}

int
bf_check_run(struct bf_app *app, const struct bf_options *o)
{
	struct bf_err err = {""};
	int problems = 0;

	if (o->config_path != NULL && bf_app_read_config(app, o->config_path, o->config, &err) != 0) {
		fprintf(stderr, "bondfwd: %s\n", err.text);
		problems++;
	} else if (bf_config_check(o->config, &err) != 0) {
		fprintf(stderr, "bondfwd: %s\n", err.text);
		problems++;
	}
	for (uint32_t i = 0; i < o->config->n_guests; i++) {
		if (bf_guest_check_socket(&o->config->guests[i], &err) == 0)
			continue;
		fprintf(stderr, "bondfwd: guest %s: %s\n", o->config->guests[i].name, err.text);
		problems++;
	}
	if (problems > 0)
		return 2;
	printf("The configuration is good. It would do:\n");
	bf_config_print(o->config, print_line, stdout);
	return 0;
}
