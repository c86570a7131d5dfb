// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "check.h"
#include "dev.h"

/* The kernel's selftest protocol: exit codes of a failed and a skipped test. */
#define DEV_FAIL 1
#define DEV_SKIP 4

#define DEV_KVM_MINOR 232
#define DEV_HELP \
	"Is lodge.ko loaded? Try: insmod lodge.ko, then look at dmesg"
#define DEV_HELP_KVM "Is KVM loaded and enabled?"

/**
 * lodge_dev_path - path of the device under test
 *
 * Return: $LODGE_DEVICE, or /dev/lodge.
 */
const char *lodge_dev_path(void)
{
	const char *path = getenv("LODGE_DEVICE");

	return path && *path ? path : "/dev/lodge";
}

/**
 * lodge_dev_is_lodge - whether the device under test is Lodge's
 *
 * Lodge may answer on /dev/kvm as well (its parameter device=kvm), so the
 * loaded module decides, not the path.
 */
bool lodge_dev_is_lodge(void)
{
	return !access("/sys/module/lodge", F_OK);
}

/**
 * lodge_dev_module - name of the module that serves the device under test
 */
const char *lodge_dev_module(void)
{
	return lodge_dev_is_lodge() ? "lodge" : "kvm";
}

/* Name of the misc device on KVM's minor, or NULL; valid until the next call. */
static const char *minor_owner(void)
{
	static char name[64];
	const char *owner = NULL;
	FILE *f = fopen("/proc/misc", "re");
	int minor;

	while (f && !owner && fscanf(f, "%d %63s", &minor, name) == 2)
		if (minor == DEV_KVM_MINOR)
			owner = name;
	if (f)
		fclose(f);
	return owner;
}

static void explain_busy(char *text, size_t size)
{
	static const char * const backend[] = {
		"lodge", "kvm_amd", "kvm_intel", "kvm",
	};
	const char *minor = minor_owner();
	const char *module = NULL;
	char path[64];
	size_t i;

	for (i = 0; !module && i < sizeof(backend) / sizeof(*backend); i++) {
		snprintf(path, sizeof(path), "/sys/module/%s", backend[i]);
		if (!access(path, F_OK))
			module = backend[i];
	}
	snprintf(text, size,
		 "Virtualisation is owned by %s (misc minor %d: %s); use that module's device, or unload it first",
		 module ? module : "a module that could not be found",
		 DEV_KVM_MINOR, minor ? minor : "free");
}

/**
 * lodge_dev_explain - say why an open failed and what to do
 * @path:        what was opened
 * @err:         the errno it gave
 * @enoent_help: words for a missing file, or NULL
 * @text:        filled with one line
 * @size:        bytes at @text
 *
 * Return: the exit code that fits: skip where the machine lacks something
 * that its owner can provide, failure for everything else.
 */
int lodge_dev_explain(const char *path, int err, const char *enoent_help,
		      char *text, size_t size)
{
	char help[256] = "";
	int code = DEV_FAIL;

	switch (err) {
	case EACCES:
		code = DEV_SKIP;
		snprintf(help, sizeof(help),
			 "Root required? Or join the device's group");
		break;
	case ENOENT:
		code = DEV_SKIP;
		snprintf(help, sizeof(help), "%s",
			 enoent_help ? enoent_help : "");
		break;
	case EBUSY:
		explain_busy(help, sizeof(help));
		break;
	case ENODEV:
	case ENXIO:
		snprintf(help, sizeof(help),
			 "The node exists but no driver answers: stale node, or a processor without usable virtualisation? See dmesg");
		break;
	}
	snprintf(text, size, "%s '%s': %s.  %s",
		 code == DEV_SKIP ? "Cannot open" : "Failed to open",
		 path, strerror(err), help);
	return code;
}

/**
 * lodge_dev_open_path - open a file, or end the process saying what to do
 * @path:        file to open
 * @flags:       open(2) flags; O_CLOEXEC is added
 * @enoent_help: words for a missing file, or NULL
 *
 * Return: the descriptor. Missing files and rights end the process with the
 * skip code, all other errors with the failure code.
 */
int lodge_dev_open_path(const char *path, int flags, const char *enoent_help)
{
	int fd = open(path, flags | O_CLOEXEC);
	char text[512];
	int code;

	if (fd >= 0)
		return fd;
	code = lodge_dev_explain(path, errno, enoent_help, text, sizeof(text));
	lodge_check_exit(code, "%s", text);
}

static const char *dev_help(void)
{
	return strcmp(lodge_dev_path(), "/dev/kvm") ? DEV_HELP : DEV_HELP_KVM;
}

/**
 * lodge_dev_open - open the device under test, or end the process
 */
int lodge_dev_open(void)
{
	return lodge_dev_open_path(lodge_dev_path(), O_RDWR, dev_help());
}

/**
 * lodge_dev_require - end the process unless the device can be opened
 *
 * Called before the first case: if that skips the whole test, the plan of
 * the test protocol says so.
 */
void lodge_dev_require(void)
{
	int fd = open(lodge_dev_path(), O_RDWR | O_CLOEXEC);
	char text[512];
	int code;

	if (fd >= 0) {
		close(fd);
		return;
	}
	code = lodge_dev_explain(lodge_dev_path(), errno, dev_help(), text,
				 sizeof(text));
	if (code == DEV_SKIP)
		printf("1..0 # SKIP %s\n", text);
	lodge_check_exit(code, "%s", text);
}

/**
 * lodge_dev_has_ext - whether the device advertises a capability
 * @cap: KVM_CAP_*
 */
bool lodge_dev_has_ext(long cap)
{
	int fd = lodge_dev_open();
	int ret = ioctl(fd, KVM_CHECK_EXTENSION, cap);

	close(fd);
	return ret > 0;
}

/**
 * lodge_dev_require_ext - skip the case unless a capability is advertised
 * @cap:  KVM_CAP_*
 * @name: its name, for the message
 */
void lodge_dev_require_ext(long cap, const char *name)
{
	if (!lodge_dev_has_ext(cap))
		lodge_check_exit(DEV_SKIP, "%s does not advertise %s",
				 lodge_dev_path(), name);
}
