/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The command line behind "--", as a table.
 *
 * Threads: ctx control, before anything else runs.
 */
#include "options.h"

#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/parse.h"
#include "base/suggest.h"
#include "console/server.h"

enum option {
	OPT_BOND,
	OPT_GUEST,
	OPT_HOST,
	OPT_PORT_GROUP,
	OPT_PROFILE,
	OPT_CONFIG,
	OPT_CONSOLE,
	OPT_METRICS,
	OPT_GROUP,
	OPT_GUEST_GROUP,
	OPT_FDB,
	OPT_INTERACTIVE,
	OPT_CHECK,
	OPT_ADVISE,
	OPT_JSON,
	OPT_FORCE_RECONNECT,
	OPT_DEBUG,
	OPT_VERSION,
	OPT_HELP,
	OPT_HELP_JSON,
	OPT_COUNT
};

static const struct {
	const char *name, *shorter, *value, *help;
} options[OPT_COUNT] = {
	[OPT_BOND] = {"--bond", NULL, "K=V,...",
		"the bond: name=, mode=, member= (repeated) and options"},
	[OPT_GUEST] = {"--guest", NULL, "K=V,...",
		"a guest: name=, socket=, mode=client|server and options"},
	[OPT_HOST] = {"--host", NULL, "K=V,...",
		"a port of the host's own kernel: name= and keys of --guest, except socket="},
	[OPT_PORT_GROUP] = {"--port-group", NULL, "K=V,...",
		"keys of the guests after it that have group=NAME: name= and keys of --guest"},
	[OPT_PROFILE] = {"--profile", NULL, "NAME",
		"default profile of guests: tenant (guests that you do not trust) or trusted"},
	[OPT_CONFIG] = {"--config", "-c", "FILE",
		"console commands, applied after --bond and --guest"},
	[OPT_CONSOLE] = {"--console", NULL, "PATH|none", "console socket (" BF_CONSOLE_DEFAULT ")"},
	[OPT_METRICS] = {"--metrics", NULL, "ADDRESS",
		"serve metrics over HTTP: " BF_HTTP_ADDRESS_FORMS " (not served)"},
	[OPT_GROUP] = {"--group", NULL, "NAME", "group of the sockets that bondfwd listens on"},
	[OPT_GUEST_GROUP] = {"--guest-group", NULL, "NAME",
		"group of the sockets of guests with mode=server (that of --group)"},
	[OPT_FDB] = {"--fdb-size", NULL, "N", "maximum number of learned stations (16384)"},
	[OPT_INTERACTIVE] = {"--interactive", "-i", NULL, "console on this terminal"},
	[OPT_CHECK] = {"--check", NULL, NULL,
		"print what would be done or all errors, touch no device; status 0 or 2"},
	[OPT_ADVISE] = {"--advise", NULL, "[K=V,...]",
		"print recommended settings for this host, change nothing; workers=, guests=, mtu=, "
		"member= (repeated), root="},
	[OPT_JSON] = {"--json", NULL, NULL, "with --advise: in JSON"},
	[OPT_FORCE_RECONNECT] = {"--force-reconnect", NULL, NULL,
		"start even if a remembered guest could not reconnect"},
	[OPT_DEBUG] = {"--debug", NULL, NULL, "write debug messages"},
	[OPT_VERSION] = {"--version", "-v", NULL, "print the version"},
	[OPT_HELP] = {"--help", "-h", NULL, "print this"},
	[OPT_HELP_JSON] = {"--help-json", NULL, NULL,
		"print six JSON values: sections, commands, keys, metrics, commands of other programs, and the "
		"fields of what show prints in JSON"},
};

static enum option
option_find(const char *word, size_t len)
{
	for (unsigned int i = 0; i < OPT_COUNT; i++)
		if ((strlen(options[i].name) == len && strncmp(options[i].name, word, len) == 0) ||
			(options[i].shorter != NULL && strcmp(options[i].shorter, word) == 0))
			return (enum option)i;
	return OPT_COUNT;
}

int
bf_options_start(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (strcmp(argv[i], "--") == 0)
			return i;
	return argc > 1 && option_find(argv[1], strcspn(argv[1], "=")) != OPT_COUNT ? 0 : argc;
}

static void
profile_spread(struct bf_config *c)
{
	for (uint32_t i = 0; i < c->n_guests; i++)
		bf_config_follow_profile(c, &c->guests[i]);
}

static int
add_guest(struct bf_config *c, const char *pairs, bool host, struct bf_err *err)
{
	struct bf_guest_config g;
	int ret;

	bf_config_init_guest(c, &g);
	g.host = host;
	ret = bf_guest_config_parse(&g, pairs, err);
	return ret != 0 ? ret : bf_config_add_guest(c, &g, err);
}

static int
add_group(struct bf_config *c, const char *pairs, struct bf_err *err)
{
	struct bf_guest_config group;
	int ret;

	bf_guest_config_init(&group);
	ret = bf_group_config_parse(&group, pairs, err);
	if (ret == 0 && group.name[0] == '\0')
		return bf_err_set(
			err, EINVAL, "--port-group: \"%.60s\": expected name=NAME", pairs);
	return ret != 0 ? ret : bf_config_add_group(c, &group, err);
}

static int
add_bond(struct bf_config *c, const char *pairs, struct bf_err *err)
{
	struct bf_bond_config b;
	int ret;

	bf_bond_config_init(&b);
	ret = bf_bond_config_parse(&b, pairs, err);
	return ret != 0 ? ret : bf_config_add_bond(c, &b, err);
}

/* The last one counts, for guests before it, too. */
static int
set_profile(struct bf_config *c, const char *text, struct bf_err *err)
{
	struct bf_err why;

	if (bf_config_set_profile(c, text, &why) != 0)
		return bf_err_set(err, EINVAL, "--%s", why.text);
	profile_spread(c);
	return 0;
}

static int
find_group(enum option opt, const char *name, int *gid, struct bf_err *err)
{
	const struct group *g = getgrnam(name); /* NOLINT(concurrency-mt-unsafe): one thread yet */

	if (g == NULL)
		return bf_err_set(
			err, EINVAL, "%s: \"%.60s\": no such group", options[opt].name, name);
	*gid = (int)g->gr_gid;
	return 0;
}

static int
set_console(struct bf_options *o, const char *path, struct bf_err *err)
{
	if (strcmp(path, "none") == 0) {
		o->console = NULL;
		return 0;
	}
	if (path[0] != '/' || strlen(path) > BF_CONSOLE_PATH_MAX)
		return bf_err_set(err, EINVAL,
			"--console: \"%.120s\": expected an absolute path of at most %d characters, or none",
			path, BF_CONSOLE_PATH_MAX);
	o->console = path;
	return 0;
}

static int
option_take(struct bf_options *o, enum option opt, const char *value, struct bf_err *err)
{
	uint64_t n = 0;
	int ret = 0;

	switch (opt) {
	case OPT_BOND:
		return add_bond(o->config, value, err);
	case OPT_GUEST:
	case OPT_HOST:
		return add_guest(o->config, value, opt == OPT_HOST, err);
	case OPT_PORT_GROUP:
		return add_group(o->config, value, err);
	case OPT_PROFILE:
		return set_profile(o->config, value, err);
	case OPT_CONFIG:
		o->config_path = value;
		break;
	case OPT_CONSOLE:
		o->has_console = true;
		return set_console(o, value, err);
	case OPT_METRICS:
		o->metrics = value;
		return bf_http_address_parse(&o->metrics_at, value, err);
	case OPT_GROUP:
	case OPT_GUEST_GROUP:
		return find_group(opt, value, opt == OPT_GROUP ? &o->gid : &o->guest_gid, err);
	case OPT_FDB:
		ret = bf_parse_u64("--fdb-size", value, 64, 1 << 20, &n, err);
		o->fdb_capacity = (uint32_t)n;
		break;
	case OPT_INTERACTIVE:
		o->interactive = true;
		break;
	case OPT_CHECK:
		o->check = true;
		break;
	case OPT_ADVISE:
		o->advise = true;
		o->wish = value;
		break;
	case OPT_JSON:
		o->as_json = true;
		break;
	case OPT_FORCE_RECONNECT:
		o->force_reconnect = true;
		break;
	case OPT_DEBUG:
		o->debug = true;
		break;
	case OPT_VERSION:
		o->version = true;
		break;
	case OPT_HELP_JSON:
		o->help_json = true;
		break;
	default:
		o->help = true;
		break;
	}
	return ret;
}

const char *
bf_options_misplaced(int n_eal, char **argv)
{
	for (int i = 1; i < n_eal; i++) {
		enum option opt = strncmp(argv[i], "--", 2) == 0
			? option_find(argv[i], strcspn(argv[i], "="))
			: OPT_COUNT;

		if (opt != OPT_COUNT && opt != OPT_VERSION && opt != OPT_HELP &&
			opt != OPT_HELP_JSON)
			return options[opt].name;
	}
	return NULL;
}

static int
unknown_option(const char *word, struct bf_err *err)
{
	char hint[64] = "", name[80];
	struct bf_suggest near;

	snprintf(name, sizeof(name), "%.*s", (int)strcspn(word, "="), word);
	bf_suggest_init(&near, name);
	for (unsigned int i = 0; i < OPT_COUNT && word[0] == '-' && word[1] == '-'; i++)
		bf_suggest_offer(&near, options[i].name);
	bf_suggest_append(&near, hint, sizeof(hint));
	return bf_err_set(err, EINVAL, "unknown option \"%.80s\": see --help%s", word, hint);
}

/* --advise has a value if one follows. */
static const char *
wish_of(int argc, char **argv, int *i)
{
	const char *word = argv[*i], *equals = strchr(word, '=');

	if (equals != NULL)
		return equals + 1;
	return *i + 1 < argc && argv[*i + 1][0] != '-' ? argv[++*i] : NULL;
}

/* The option at argv[*i], and its value. */
static int
parse_one(struct bf_options *o, int argc, char **argv, int *i, struct bf_err *err)
{
	char *word = argv[*i];
	size_t len = strcspn(word, "=");
	enum option opt = option_find(word, word[0] == '-' && word[1] == '-' ? len : strlen(word));
	const char *value = NULL;

	if (opt == OPT_COUNT)
		return unknown_option(word, err);
	if (opt == OPT_ADVISE)
		return option_take(o, opt, wish_of(argc, argv, i), err);
	if (options[opt].value != NULL) {
		value = word[len] == '=' && word[1] == '-' ? &word[len + 1]
			: *i + 1 < argc                    ? argv[++*i]
							   : NULL;
		if (value == NULL)
			return bf_err_set(err, EINVAL, "%s: expected %s", options[opt].name,
				options[opt].value);
	} else if (word[len] == '=') {
		return bf_err_set(err, EINVAL, "%s: takes no value", options[opt].name);
	}
	return option_take(o, opt, value, err);
}

int
bf_options_parse(struct bf_options *o, int argc, char **argv, struct bf_err *err)
{
	int ret = 0;

	memset(o, 0, sizeof(*o));
	o->gid = o->guest_gid = -1;
	o->console = BF_CONSOLE_DEFAULT;
	o->config = bf_config_new();
	if (o->config == NULL)
		return bf_err_set(err, ENOMEM, "out of memory");
	for (int i = 1; i < argc; i++) {
		struct bf_err why;
		int bad = parse_one(o, argc, argv, &i, &why);

		if (bad != 0 && ret == 0) {
			ret = bad;
			*err = why;
		} else if (bad != 0 && o->n_more < BF_OPTIONS_MORE) {
			o->more[o->n_more++] = why;
		}
	}
	if (ret == 0 && o->as_json && !o->advise)
		ret = bf_err_set(err, EINVAL, "--json: expected with --advise only");
	/* A file says it, or is one from before there were profiles. */
	if (!o->config->profile_is_said && o->config_path == NULL)
		set_profile(o->config, bf_profile_names[BF_PROFILE_TENANT], NULL);
	return ret;
}

void
bf_options_fini(struct bf_options *o)
{
	free(o->config);
	o->config = NULL;
}

static void
usage_keys(const char *title, const struct bf_key_table *t)
{
	char values[256], defaults[128];

	printf("\n%s\n", title);
	for (unsigned int i = 0; i < t->n; i++) {
		bf_key_values(&t->keys[i], values, sizeof(values));
		bf_key_defaults(&t->keys[i], defaults, sizeof(defaults));
		printf("  %-22s %s\n  %-22s %s; default %s\n", t->keys[i].name, t->keys[i].help, "",
			values, defaults);
	}
}

void
bf_options_usage(void)
{
	printf("Usage: bondfwd [EAL options] -- [options]\n"
	       "Joins ports into a bond and switches frames between it and vhost-user guests.\n\n");
	for (unsigned int i = 0; i < OPT_COUNT; i++)
		printf("  %s%s%s %-10s %s\n", options[i].name,
			options[i].shorter != NULL ? ", " : "",
			options[i].shorter != NULL ? options[i].shorter : "",
			options[i].value != NULL ? options[i].value : "", options[i].help);
	usage_keys("Keys of --bond:", &bf_bond_table);
	usage_keys("Keys of --guest:", &bf_guest_table);
	printf("\nEAL options (lcores, devices, memory): bondfwd --help shows ours; run "
	       "dpdk-testpmd --help for the EAL's.\n");
}
