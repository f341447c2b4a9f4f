# commit.cmake -- writes OUT, a header with the commit that is checked out in SOURCE ("unknown" outside a repository).
cmake_minimum_required(VERSION 3.22)
set(commit unknown)
find_program(GIT git)
if(GIT)
  execute_process(COMMAND ${GIT} -C ${SOURCE} describe --always --dirty --abbrev=12 --exclude=* OUTPUT_VARIABLE found
                  OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE status)
  if(status EQUAL 0)
    set(commit ${found})
  endif()
endif()
file(CONFIGURE OUTPUT ${OUT} CONTENT "/* commit.h -- generated: the commit this was built from. */\n#define SD_COMMIT \"@commit@\"\n" @ONLY)
