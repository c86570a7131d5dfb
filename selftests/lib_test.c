// SPDX-License-Identifier: GPL-2.0
/*
 * The library itself: every way in which opening a device or reading a
 * parameter can fail is told apart, in words and in the exit code.
 */
#include <signal.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

#include "lodge_test.h"

#define PASS 0
#define FAIL 1
#define SKIPPED 4

FIXTURE(lib) {
	char dir[64];
	char path[128];
};

FIXTURE_SETUP(lib)
{
	strcpy(self->dir, "/tmp/lodge-lib-XXXXXX");
	ASSERT_NE(NULL, mkdtemp(self->dir));
	ASSERT_EQ(0, chmod(self->dir, 0755));
	snprintf(self->path, sizeof(self->path), "%s/device", self->dir);
}

FIXTURE_TEARDOWN(lib)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s", self->dir);
	ASSERT_EQ(0, system(command));
}

/* Runs @fn in a child; returns its exit code and what it said. */
static int capture(void (*fn)(void *arg), void *arg, char *text, size_t size)
{
	int pipe_fd[2], status;
	size_t len = 0;
	ssize_t got;
	pid_t child;

	lodge_check(!pipe(pipe_fd), "pipe");
	fflush(NULL);
	child = fork();
	if (!child) {
		dup2(pipe_fd[1], 1);
		dup2(pipe_fd[1], 2);
		fn(arg);
		fflush(NULL);
		_exit(PASS);
	}
	close(pipe_fd[1]);
	while ((got = read(pipe_fd[0], text + len, size - 1 - len)) > 0)
		len += got;
	text[len] = '\0';
	close(pipe_fd[0]);
	lodge_check(waitpid(child, &status, 0) == child, "waitpid");
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void open_device(void *path)
{
	setenv("LODGE_DEVICE", path, 1);
	lodge_dev_require();
}

static void open_as_nobody(void *path)
{
	lodge_check(!setgid(65534) && !setuid(65534), "becoming nobody");
	open_device(path);
}

TEST_F(lib, missing_device_skips_and_says_how_to_load)
{
	char text[1024];

	ASSERT_EQ(SKIPPED, capture(open_device, self->path, text,
				   sizeof(text)));
	ASSERT_NE(NULL, strstr(text, self->path)) TH_LOG("%s", text);
	ASSERT_NE(NULL, strstr(text, "No such file or directory"));
	ASSERT_NE(NULL, strstr(text, "Is lodge.ko loaded?"));
	ASSERT_NE(NULL, strstr(text, "1..0 # SKIP"));
}

static void open_kvm_path(void *arg)
{
	char text[512];
	int code = lodge_dev_explain("/dev/kvm", ENOENT,
				     "Is KVM loaded and enabled?", text,
				     sizeof(text));

	puts(text);
	fflush(stdout);
	_exit(code);
}

TEST_F(lib, each_node_has_its_own_help)
{
	char text[1024];

	ASSERT_EQ(SKIPPED, capture(open_kvm_path, NULL, text, sizeof(text)));
	ASSERT_EQ(0, strcmp(text, "Cannot open '/dev/kvm': No such file or directory.  Is KVM loaded and enabled?\n")) {
		TH_LOG("%s", text);
	}
}

TEST_F(lib, missing_rights_skip_and_ask_for_root)
{
	char text[1024];
	int fd = open(self->path, O_CREAT | O_WRONLY, 0);

	ASSERT_LE(0, fd);
	close(fd);
	if (getuid())
		SKIP(return, "root required, to give it up");
	ASSERT_EQ(SKIPPED, capture(open_as_nobody, self->path, text,
				   sizeof(text)));
	ASSERT_NE(NULL, strstr(text, "Permission denied")) TH_LOG("%s", text);
	ASSERT_NE(NULL, strstr(text, "Root required?"));
}

TEST_F(lib, node_without_driver_fails)
{
	char text[1024];

	if (mknod(self->path, S_IFCHR | 0666, makedev(10, 254)))
		SKIP(return, "mknod: %s; root required", strerror(errno));
	/* Folders of temporary files may forbid device nodes. */
	if (open(self->path, O_RDWR) < 0 && errno == EACCES)
		SKIP(return, "no device nodes on this file system");
	ASSERT_EQ(FAIL, capture(open_device, self->path, text, sizeof(text)));
	ASSERT_NE(NULL, strstr(text, "No such device")) TH_LOG("%s", text);
	ASSERT_NE(NULL, strstr(text, "no driver answers"));
	ASSERT_EQ(NULL, strstr(text, "SKIP"));
}

TEST_F(lib, a_fifo_without_reader_is_not_a_device)
{
	char text[1024];
	int code;

	/* O_RDWR opens a fifo; a socket file gives ENXIO. */
	ASSERT_EQ(0, mknod(self->path, S_IFSOCK | 0666, 0));
	code = capture(open_device, self->path, text, sizeof(text));
	ASSERT_EQ(FAIL, code);
	ASSERT_NE(NULL, strstr(text, "No such device or address")) {
		TH_LOG("%s", text);
	}
}

TEST_F(lib, a_folder_fails)
{
	char text[1024];

	ASSERT_EQ(FAIL, capture(open_device, self->dir, text, sizeof(text)));
	ASSERT_NE(NULL, strstr(text, "Failed to open")) TH_LOG("%s", text);
	ASSERT_NE(NULL, strstr(text, "Is a directory"));
}

TEST_F(lib, busy_names_the_owner_and_fails)
{
	const char *owner = lodge_dev_module();
	char text[512];

	ASSERT_EQ(FAIL, lodge_dev_explain("/dev/x", EBUSY, NULL, text,
					  sizeof(text)));
	ASSERT_NE(NULL, strstr(text, "Virtualisation is owned by"));
	ASSERT_NE(NULL, strstr(text, owner)) TH_LOG("%s", text);
	ASSERT_NE(NULL, strstr(text, "unload"));
}

TEST_F(lib, every_other_error_fails)
{
	static const int error[] = { EIO, EMFILE, ENOMEM, EPERM, EINTR };
	char text[512];
	unsigned int i;

	for (i = 0; i < sizeof(error) / sizeof(*error); i++) {
		ASSERT_EQ(FAIL, lodge_dev_explain("/dev/x", error[i], "help",
						  text, sizeof(text)));
		ASSERT_NE(NULL, strstr(text, strerror(error[i])));
		ASSERT_EQ(NULL, strstr(text, "help"));
	}
}

static const char *param_text;
static char param_root[128];

static void read_bool(void *path)
{
	setenv("LODGE_DEVICE", path, 1);
	lodge_param_set_root(param_root);
	printf("value %d\n", lodge_param_bool("mod", "p"));
}

static void read_int(void *path)
{
	setenv("LODGE_DEVICE", path, 1);
	lodge_param_set_root(param_root);
	printf("value %ld\n", lodge_param_int("mod", "p"));
}

/* A parameter with the given text, or none if it is NULL. */
static void make_param(const char *dir, const char *text)
{
	char path[256];
	FILE *f;

	snprintf(param_root, sizeof(param_root), "%s", dir);
	snprintf(path, sizeof(path), "%s/mod", dir);
	mkdir(path, 0755);
	snprintf(path, sizeof(path), "%s/mod/parameters", dir);
	mkdir(path, 0755);
	snprintf(path, sizeof(path), "%s/mod/parameters/p", dir);
	unlink(path);
	param_text = text;
	if (!text)
		return;
	f = fopen(path, "w");
	lodge_check(f && fputs(text, f) >= 0 && !fclose(f), "%s", path);
}

TEST_F(lib, the_device_is_probed_before_a_parameter)
{
	char text[1024];

	make_param(self->dir, "Y\n");
	ASSERT_EQ(SKIPPED, capture(read_bool, self->path, text,
				   sizeof(text)));
	ASSERT_NE(NULL, strstr(text, self->path)) TH_LOG("%s", text);
	ASSERT_EQ(NULL, strstr(text, "value"));
	make_param(self->dir, NULL);
	ASSERT_EQ(SKIPPED, capture(read_bool, self->path, text,
				   sizeof(text)));
	ASSERT_EQ(NULL, strstr(text, "parameters"));
}

TEST_F(lib, missing_parameter_skips_without_help)
{
	char text[1024];

	make_param(self->dir, NULL);
	ASSERT_EQ(SKIPPED, capture(read_int, "/dev/null", text, sizeof(text)));
	ASSERT_NE(NULL, strstr(text, "mod/parameters/p")) TH_LOG("%s", text);
	ASSERT_EQ(NULL, strstr(text, "loaded?"));
}

TEST_F(lib, boolean_is_y_or_n)
{
	char text[1024];

	make_param(self->dir, "Y\n");
	ASSERT_EQ(PASS, capture(read_bool, "/dev/null", text, sizeof(text)));
	ASSERT_NE(NULL, strstr(text, "value 1"));
	make_param(self->dir, "N\n");
	ASSERT_EQ(PASS, capture(read_bool, "/dev/null", text, sizeof(text)));
	ASSERT_NE(NULL, strstr(text, "value 0"));
	make_param(self->dir, "1\n");
	ASSERT_EQ(FAIL, capture(read_bool, "/dev/null", text, sizeof(text)));
	make_param(self->dir, "");
	ASSERT_EQ(FAIL, capture(read_bool, "/dev/null", text, sizeof(text)));
}

TEST_F(lib, integer_is_decimal_with_a_newline)
{
	static const char * const bad[] = { "12", "12 \n", "x\n", "\n", "1\n2" };
	char text[1024];
	unsigned int i;

	make_param(self->dir, "-1234\n");
	ASSERT_EQ(PASS, capture(read_int, "/dev/null", text, sizeof(text)));
	ASSERT_NE(NULL, strstr(text, "value -1234"));
	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		make_param(self->dir, bad[i]);
		ASSERT_EQ(FAIL, capture(read_int, "/dev/null", text,
					sizeof(text))) TH_LOG("'%s'", bad[i]);
	}
}

static void fail_check(void *arg)
{
	errno = EBUSY;
	lodge_check(arg, "the %s", "reason");
}

TEST_F(lib, a_failed_check_says_where_and_why)
{
	char text[1024];

	ASSERT_EQ(FAIL, capture(fail_check, NULL, text, sizeof(text)));
	ASSERT_NE(NULL, strstr(text, "lib_test.c:")) TH_LOG("%s", text);
	ASSERT_NE(NULL, strstr(text, "the reason"));
	ASSERT_NE(NULL, strstr(text, "Device or resource busy"));
	ASSERT_EQ(PASS, capture(fail_check, "", text, sizeof(text)));
}

static void need_capability(void *arg)
{
	lodge_dev_require_ext(0x7fffffff, "KVM_CAP_NONE");
}

TEST_F(lib, missing_capability_skips_with_its_name)
{
	char text[1024];

	lodge_dev_require();
	ASSERT_EQ(SKIPPED, capture(need_capability, NULL, text,
				   sizeof(text)));
	ASSERT_NE(NULL, strstr(text, "KVM_CAP_NONE")) TH_LOG("%s", text);
}

static void expect_wrong_exit(void *arg)
{
	struct lodge_guest guest;

	lodge_guest_setup(&guest);
	guest.vm.mem[LODGE_GUEST_CODE] = 0xf4;
	lodge_guest_long(&guest.vcpu, LODGE_GUEST_CODE);
	lodge_vcpu_expect(&guest.vcpu, KVM_EXIT_IO);
}

TEST_F(lib, unexpected_exit_is_reported_with_the_place)
{
	char text[1024];

	lodge_dev_require();
	ASSERT_EQ(FAIL, capture(expect_wrong_exit, NULL, text, sizeof(text)));
	ASSERT_NE(NULL, strstr(text, "wanted exit 2, got 5")) {
		TH_LOG("%s", text);
	}
	ASSERT_NE(NULL, strstr(text, "rip 0x10001"));
}

/* Needs no device itself: it is the test of what happens without one. */
TEST_HARNESS_MAIN
