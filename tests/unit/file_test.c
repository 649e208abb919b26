/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 ebpf_tcp authors */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "check.h"
#include "memory.h"
#include "proc.h"

static void expect_file(const char *file, size_t most, ssize_t want, const char *want_text)
{
	char *text = NULL;
	ssize_t length = file_read(&text, proc_path(file), most);

	expect(length == want, "%s: %zd, not %zd", file, length, want);
	if (want_text)
		expect_text(text, want_text, file);
	else
		expect(!text, "%s: there is a text", file);
	free(text);
}

static void make_socket(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	expect(!bind(fd, (struct sockaddr *)&address, sizeof(address)), "bind");
	close(fd);
}

static void test_read(void)
{
	check_begin("file: as long as it may be, and no longer");
	proc_file("text", "1234567");
	proc_file("empty", "");
	expect_file("text", 7, 7, "1234567");
	expect_file("text", 6, -EFBIG, NULL);
	expect_file("empty", 0, 0, "");
	expect_file("nowhere", 7, -ENOENT, NULL);
	memory_fail_at(1);
	expect_file("text", 7, -ENOMEM, NULL);
	memory_fail_at(0);
	check_end();

	check_begin("file: nothing else is read, nor waited for");
	expect(!mkfifo(proc_path("pipe"), 0600), "mkfifo");
	expect(!mkdir(proc_path("folder"), 0700), "mkdir");
	expect(!symlink("text", proc_path("link")), "symlink");
	make_socket(proc_path("socket"));
	expect_file("pipe", 7, -EINVAL, NULL);
	expect_file("folder", 7, -EINVAL, NULL);
	expect_file("link", 7, -ELOOP, NULL);
	expect_file("socket", 7, -ENXIO, NULL);
	check_end();
}

/* The file was changed so long ago. */
static void age(const char *file, time_t seconds)
{
	const struct timespec times[] = {{.tv_sec = time(NULL) - seconds},
					 {.tv_sec = time(NULL) - seconds}};

	expect(!utimensat(AT_FDCWD, proc_path(file), times, 0), "utimensat");
}

static void test_stamp(void)
{
	static const struct file_stamp none;
	struct file_stamp before, now;

	check_begin("file: stamps");
	file_stamp(&before, proc_path("nowhere"));
	expect(file_stamp_same(&before, &none), "there is none");
	file_stamp(&before, proc_path("text"));
	file_stamp(&now, proc_path("text"));
	expect(!file_stamp_same(&before, &now), "it may have changed twice in an instant");
	age("text", 60);
	file_stamp(&before, proc_path("text"));
	file_stamp(&now, proc_path("text"));
	expect(file_stamp_same(&before, &now), "nothing has changed");
	proc_file("text", "7654321");
	file_stamp(&now, proc_path("text"));
	expect(!file_stamp_same(&before, &now), "the time has");
	age("text", 60);
	proc_file("other", "7654321");
	age("other", 60);
	expect(!rename(proc_path("other"), proc_path("text")), "rename");
	file_stamp(&now, proc_path("text"));
	expect(!file_stamp_same(&before, &now), "it is another file");
	check_end();
}

int main(void)
{
	static const char *const files[] = {"text", "empty", "pipe", "link", "socket"};

	proc_open();
	test_read();
	test_stamp();
	for (size_t i = 0; i < COUNT_OF(files); i++)
		unlink(proc_path(files[i]));
	rmdir(proc_path("folder"));
	proc_close();
	return check_status();
}
