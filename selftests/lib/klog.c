// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/klog.h>

#include "check.h"
#include "host.h"
#include "klog.h"

#define KLOG_READ_ALL 3
#define KLOG_SIZE 10

static char klog_mark[64];

/**
 * lodge_klog_mark - look only at what the kernel says from here on
 *
 * Needs root.
 */
void lodge_klog_mark(void)
{
	char line[80];

	snprintf(klog_mark, sizeof(klog_mark), "selftest mark %.9f",
		 lodge_host_now());
	snprintf(line, sizeof(line), "%s\n", klog_mark);
	if (!lodge_host_write("/dev/kmsg", line))
		lodge_host_skip("/dev/kmsg cannot be written: root required");
}

/**
 * lodge_klog_count - how often a text stands in the log after the mark
 * @text: plain text
 */
int lodge_klog_count(const char *text)
{
	int size = klogctl(KLOG_SIZE, NULL, 0), n = 0;
	char *log, *from;

	lodge_check(size > 0, "size of the kernel log");
	log = malloc(size + 1);
	size = klogctl(KLOG_READ_ALL, log, size);
	lodge_check(size >= 0, "reading the kernel log");
	log[size] = '\0';
	from = strstr(log, klog_mark);
	for (from = from ? from : log; (from = strstr(from, text)); from++)
		n++;
	free(log);
	return n;
}

/**
 * lodge_klog_has - whether a text stands in the log after the mark
 * @text: plain text
 */
bool lodge_klog_has(const char *text)
{
	return lodge_klog_count(text) > 0;
}
