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

static void
complain(const char *guest, const char *text)
{
	fprintf(stderr, "bondfwd: %s%s%s", guest[0] != '\0' ? "guest " : "", guest,
		guest[0] != '\0' ? ": " : "");
	for (; *text != '\0'; text++)
		fputc((unsigned char)*text < 0x20 || *text == 0x7f ? '?' : *text, stderr);
	fputc('\n', stderr);
}

int
bf_check_run(struct bf_app *app, const struct bf_options *o)
{
	struct bf_err err = {""};
	int problems = 0;

	app->base = bf_config_copy(o->config);
	if ((o->config_path != NULL &&
		    bf_app_read_on_base(app, o->config_path, o->config, &err) != 0) ||
		bf_config_check(o->config, &err) != 0) {
		complain("", err.text);
		problems++;
	}
	for (uint32_t i = 0; i < o->config->n_guests; i++) {
		if (bf_guest_check_socket(&o->config->guests[i], &err) == 0)
			continue;
		complain(o->config->guests[i].name, err.text);
		problems++;
	}
	if (problems > 0)
		return 2;
	printf("The configuration is good. It would do:\n");
	bf_config_print(o->config, print_line, stdout);
	return 0;
}
