/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Threads: as the header says.
 */
#include "base/journal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static int journal_fd = -1;

/* systemd says in $JOURNAL_STREAM, DEVICE:INODE, what it made standard error. */
bool
bf_journal_is_stderr(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long device, inode;
	struct stat st;
	char *end;

	if (stream == NULL)
		return false;
	device = strtoull(stream, &end, 10);
	if (*end != ':')
		return false;
	inode = strtoull(end + 1, &end, 10);
	return *end == '\0' && fstat(STDERR_FILENO, &st) == 0 && st.st_dev == device &&
		st.st_ino == inode;
}

bool
bf_journal_open(const char *path)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};

	if (path == NULL && !bf_journal_is_stderr())
		return false;
	snprintf(to.sun_path, sizeof(to.sun_path), "%s", path == NULL ? BF_JOURNAL_SOCKET : path);
	journal_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (journal_fd < 0)
		return false;
	if (connect(journal_fd, (const struct sockaddr *)&to, sizeof(to)) == 0)
		return true;
	bf_journal_close();
	return false;
}

void
bf_journal_close(void)
{
	if (journal_fd >= 0)
		close(journal_fd);
	journal_fd = -1;
}

bool
bf_journal_send(int priority, const char *event, const char *object, const char *text)
{
	char line[1536];
	int n;

	if (journal_fd < 0)
		return false;
	n = snprintf(line, sizeof(line),
		"MESSAGE=%s: %s%s%s\nPRIORITY=%d\nSYSLOG_IDENTIFIER=bondfwd\nBONDFWD_EVENT=%s\n%s%s%s",
		event, object == NULL ? "" : object, object == NULL ? "" : ": ", text, priority,
		event, object == NULL ? "" : "BONDFWD_OBJECT=", object == NULL ? "" : object,
		object == NULL ? "" : "\n");
	return n < (int)sizeof(line) &&
		send(journal_fd, line, (size_t)n, MSG_DONTWAIT | MSG_NOSIGNAL) == n;
}
