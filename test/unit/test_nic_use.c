/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Which devices are busy by their addresses: getifaddrs() is a function of this test.
 *
 * Threads: one.
 */
#include "unit.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "machine/nics.h"

static struct said {
	char iface[16];
	const char *address;
	struct sockaddr_storage at;
	struct ifaddrs entry;
} said[] = {
	{.iface = "bf-one", .address = "192.0.2.1"},
	{.iface = "bf-two", .address = "2001:db8::2"},
	{.iface = "bf-two", .address = "fe80::2"},
	{.iface = "bf-on", .address = "198.51.100.1"},
	{.iface = "bf-three", .address = "192.0.2.3"},
	{.iface = "bf-none", .address = NULL},
};

#define N_SAID (sizeof(said) / sizeof(said[0]))

static unsigned int n_asked, n_freed;

static struct sockaddr *
address_of(struct said *s)
{
	struct sockaddr_in *in = (struct sockaddr_in *)&s->at;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&s->at;

	if (s->address == NULL)
		return NULL;
	s->at.ss_family = AF_INET;
	if (inet_pton(AF_INET, s->address, &in->sin_addr) == 1)
		return (struct sockaddr *)&s->at;
	s->at.ss_family = AF_INET6;
	assert_int_equal(inet_pton(AF_INET6, s->address, &in6->sin6_addr), 1);
	return (struct sockaddr *)&s->at;
}

int
getifaddrs(struct ifaddrs **all)
{
	n_asked++;
	for (unsigned int i = 0; i < N_SAID; i++)
		said[i].entry = (struct ifaddrs){.ifa_name = said[i].iface,
			.ifa_addr = address_of(&said[i]),
			.ifa_next = i + 1 < N_SAID ? &said[i + 1].entry : NULL};
	*all = &said[0].entry;
	return 0;
}

void
freeifaddrs(struct ifaddrs *all)
{
	assert_ptr_equal(all, &said[0].entry);
	n_freed++;
}

static void
test_the_kernel_is_asked_once_for_the_addresses_of_all_devices(void **state)
{
	struct bf_nic at[] = {{.ifaces = "bf-one"}, {.ifaces = "bf-two,bf-three"},
		{.ifaces = "bf-none"}, {.ifaces = ""}};
	struct bf_nics nics = {at, sizeof(at) / sizeof(at[0])};

	(void)state;
	bf_nics_read_use("", &nics);
	assert_int_equal(n_asked, 1);
	assert_int_equal(n_freed, 1);
	assert_string_equal(at[0].busy, "bf-one has address 192.0.2.1");
	assert_string_equal(
		at[1].busy, "bf-two has address 2001:db8::2, bf-three has address 192.0.2.3");
	assert_string_equal(at[2].busy, "");
	assert_string_equal(at[3].busy, "");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_kernel_is_asked_once_for_the_addresses_of_all_devices),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
