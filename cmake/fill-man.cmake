# cmake -DTEMPLATE= -DOPTIONS= -DVERSION= -DOUTPUT= -P fill-man.cmake
cmake_minimum_required(VERSION 3.25)
file(READ ${TEMPLATE} page)
file(READ ${OPTIONS} options)
string(STRIP "${options}" options)
string(REPLACE "@OPTIONS@" "${options}" page "${page}")
string(REPLACE "@VERSION@" "${VERSION}" page "${page}")
file(WRITE ${OUTPUT} "${page}")
