# One target carries every compile and link flag; each layer links it.
add_library(dropcorr_options INTERFACE)
target_include_directories(dropcorr_options INTERFACE ${PROJECT_SOURCE_DIR}/include)
target_compile_definitions(dropcorr_options INTERFACE _GNU_SOURCE DROPCORR_VERSION="${PROJECT_VERSION}")
target_compile_options(dropcorr_options INTERFACE
  -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wformat=2 -Wundef -Wvla
  -Wconversion -Wswitch-enum -fno-strict-aliasing
  # gcc's -Wconversion leaves signedness out for C; clang is to say the same.
  $<$<C_COMPILER_ID:Clang>:-Wno-sign-conversion>)
if(DROPCORR_WERROR)
  target_compile_options(dropcorr_options INTERFACE -Werror)
endif()
if(DROPCORR_SANITIZE)
  # gcc's flow analysis loses track in instrumented code: there that warning says nothing.
  target_compile_options(dropcorr_options INTERFACE
    -fsanitize=${DROPCORR_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer -g
    $<$<C_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)
  target_link_options(dropcorr_options INTERFACE -fsanitize=${DROPCORR_SANITIZE})
elseif(DROPCORR_HARDEN AND NOT CMAKE_BUILD_TYPE STREQUAL "Debug")
  target_compile_options(dropcorr_options INTERFACE
    -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fstack-clash-protection -fcf-protection)
  target_link_options(dropcorr_options INTERFACE -Wl,-z,relro,-z,now,-z,noexecstack)
endif()
if(DROPCORR_FUZZ)
  target_compile_options(dropcorr_options INTERFACE -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all -g)
  target_link_options(dropcorr_options INTERFACE -fsanitize=address,undefined)
endif()
include(CheckPIESupported)
check_pie_supported(LANGUAGES C)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

# dropcorr_layer(NAME SOURCES a.c b.c LIBRARIES x y)
function(dropcorr_layer name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;LIBRARIES")
  add_library(dropcorr_${name} STATIC ${arg_SOURCES})
  target_link_libraries(dropcorr_${name} PUBLIC ${arg_LIBRARIES} PRIVATE dropcorr_options)
  target_include_directories(dropcorr_${name} PUBLIC ${PROJECT_SOURCE_DIR}/include)
endfunction()
